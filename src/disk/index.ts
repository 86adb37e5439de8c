// What `endswell/disk` offers.
