"""The desktop window. Qt stands here and nowhere below."""
