package mutants

// Unbroken opens a plain in which nothing is broken.
var Unbroken = breakPlain(func(*broken, *plain) {})
