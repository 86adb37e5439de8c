// What `endswell/bounded` offers.
