"""One builder per published network, from parameters to a fabric."""
