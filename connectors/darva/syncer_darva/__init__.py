"""DARVA and IRIS, the motor-claims networks of France: two connectors that speak the same messages.

``folders`` is the connector ``darva``, ``mailbox`` the connector ``iris``.
"""
