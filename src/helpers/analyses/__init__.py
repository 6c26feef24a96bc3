"""One module per notebook: composes the other rooms into the tables a page shows."""
