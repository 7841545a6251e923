"""The conformance suite of MQTT on the wire: `clauses` lists what the specifications demand, `cases_*` show it, `harness` runs it."""
