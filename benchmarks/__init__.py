"""The measured comparison: syncer beside a hand-written script and beside its peers."""
