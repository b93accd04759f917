"""The staff's app: roster, sittings, codes, events, records, exports."""
