"""How the pipelines stand: their last runs, and what is expected of them."""
