"""How bytes come in: manifest writes, push intents, notifications."""
