"""`python -m segline` is the command `segline`."""

from segline.command import main

main()
