"""Webhooks, their deliveries, payloads and sending."""
