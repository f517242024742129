"""Sound: levels, voice activity, sides, prompts and devices."""
