// Package browser lets a test use a real browser: Chromium, without a window, with a fresh folder for its data, and stopped at the end of
// the test. A [Profile] has cookies of its own, as another browser would; its tabs share them.
//
// Chromium is looked for on PATH and where macOS keeps it; LARDER_TEST_CHROMIUM names another. Without one the test skips with a line
// that says so, or fails where LARDER_TEST_REQUIRE lists chromium; see package testneed. Screenshots go to the folder that LARDER_SHOTS names,
// else where go test keeps artifacts.
package browser
