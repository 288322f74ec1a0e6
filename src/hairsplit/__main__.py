"""`python -m hairsplit` and `accelerate launch -m hairsplit`."""

from hairsplit.cli.main import main

if __name__ == "__main__":
    main()
