"""The ground: errors, outgoing HTTP, job queueing, paging, secrets. Imports nothing of ours."""
