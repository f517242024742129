"""Synthetic voices: the shipped prompts and call files, and the commands that render them.

The box itself never synthesises speech. What is here runs on a developer's machine, in its own environment
(`requirements.lock`); only the two `--check` commands run without any speech synthesis installed.
"""
