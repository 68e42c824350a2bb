"""The command line of bbp. It imports bigbird_pegasus, never the other way round."""
