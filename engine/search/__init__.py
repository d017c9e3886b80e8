"""Search: words, meaning and attention, and what they amount to together."""
