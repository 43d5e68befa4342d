"""What syncer is about: values and rules, standard library only, no clock and no I/O."""
