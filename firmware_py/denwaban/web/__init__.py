"""The household's page in the home network."""
