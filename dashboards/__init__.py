"""The dashboard: a Dash app over a lake, drawing what ``reliability.figures`` draws everywhere else."""
