"""What attn-bench is made of; see __main__.py beside this package."""
