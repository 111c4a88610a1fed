"""The rooms of segline, and next to them: errors, text, secrets, params."""
