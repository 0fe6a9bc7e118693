"""``python -m mien`` is the command ``mien``; ``torchrun -m mien`` starts it once a device."""

from mien.cli import main

main()
