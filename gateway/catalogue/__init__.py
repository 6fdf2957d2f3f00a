"""The demo catalogue: agencies and the price lists of their procedures, as YAML. Data only; read_catalogue reads it."""
