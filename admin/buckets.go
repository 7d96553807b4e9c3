package admin

// bucketName is how the page calls bucket i of package idle.
func bucketName(i int) string {
	names := [...]string{"under 1 min", "under 10 min", "under 1 hour", "under 6 hours", "under 1 day", "under 7 days", "under 30 days", "longer"}
	return names[i]
}
