// Package chart draws bars and lines as SVG, for files that people look at: the plot of larder ring plan, of the demo, of the simulator.
//
// A picture is one file without script, font or link. It has a viewBox and shrinks to a phone's width with text still large enough to read, it
// has colours for light and for dark and follows prefers-color-scheme, and it draws its own ground, so that it can stand on any page. Its text is text, its numbers stand in its
// description for those who do not see it, and colour is never the only difference: bars differ in pattern, lines in dashes and in marks.
//
// Show it by an <img>, or as a page of its own. Its style is inside it: a page with a strict Content-Security-Policy that has the markup inline gets
// shapes without colours.
//
// All is reckoned in whole numbers, values too: the same input is the same file on every platform, which floats rounded to a digit are not. A
// Format says how a value is written; a ratio, say, comes in thousandths and is written by Fixed(3, 2).
package chart
