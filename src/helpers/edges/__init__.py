"""Edge scores from attention, correlation and tree methods."""
