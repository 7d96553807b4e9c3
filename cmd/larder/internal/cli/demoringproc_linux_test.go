package cli

const hasDeathSignal = true
