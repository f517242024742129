"""The telephone line: V.253 voice modem, caller id, tones."""
