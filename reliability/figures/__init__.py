"""Pictures of the answers: pure functions from a result to a Plotly figure, one module per kind of answer."""
