"""What an answer rested on: places, highlights, evidence, deletion tests, replays."""
