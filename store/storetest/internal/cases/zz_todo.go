package cases

func cleanupCases() []Case     { return nil }
func cleanupRaceCases() []Case { return nil }
func sweepCases() []Case       { return nil }
func listCases() []Case        { return nil }
func corruptCases() []Case     { return nil }
func errorCases() []Case       { return nil }
func contextCases() []Case     { return nil }
func outageCases() []Case      { return nil }
func concurrencyCases() []Case { return nil }
func handleCases() []Case      { return nil }
