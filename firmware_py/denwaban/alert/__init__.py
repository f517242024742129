"""Telling the family: wire format, keys, outbox first, MQTT. The format for other programs: docs/wire.md."""
