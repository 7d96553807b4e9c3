package chart

// style colours everything. The colours of lines are told apart by people who see red and green alike, and those of text have a contrast of at
// least 4.5 to 1, those of lines and bars of at least 3 to 1 (TestContrast). No CSS variables: programs other than browsers, which show SVG too, do
// not know them.
const style = `<style>
.larder-chart{max-width:100%;height:auto;font:14px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
.larder-chart text{fill:#22241f;stroke:#fffdf8;stroke-width:3px;stroke-linejoin:round;paint-order:stroke}
.larder-chart .big{font-size:17px;font-weight:600}
.larder-chart .soft{fill:#5f5e54}
.larder-chart .small{font-size:12px}
.larder-chart path{fill:none;stroke-linejoin:round;stroke-width:2}
.larder-chart .ground{fill:#fffdf8}
.larder-chart .grid{stroke:#e2dac8;stroke-width:1}
.larder-chart .mark{stroke:#22241f}
.larder-chart .after{fill:#0a6aa8;stroke:none}
.larder-chart .area{fill:#0a6aa8;fill-opacity:.3;stroke:#0a6aa8}
.larder-chart .before{fill:url(#larder-was);stroke:#7f8b98}
.larder-chart .hatch{stroke:#7f8b98}
.larder-chart .was{stroke:#5f5e54;stroke-dasharray:5 2}
.larder-chart .s0{stroke:#0a6aa8;stroke-width:2.5}
.larder-chart .s1{stroke:#c9540b;stroke-dasharray:9 3}
.larder-chart .s2{stroke:#0a8560;stroke-dasharray:3 3}
.larder-chart .s3{stroke:#a84f86;stroke-dasharray:9 3 2 3}
.larder-chart .plain{stroke:#5f5e54;stroke-width:1.5;stroke-dasharray:1.5 3}
.larder-chart .dot{fill:#fffdf8;stroke-width:2;stroke-dasharray:none}
@media(prefers-color-scheme:dark){
.larder-chart text{fill:#eceae0;stroke:#1b1e19}
.larder-chart .soft{fill:#b3b1a3}
.larder-chart .ground{fill:#1b1e19}
.larder-chart .grid{stroke:#3a3e37}
.larder-chart .mark{stroke:#eceae0}
.larder-chart .after{fill:#62b5ea}
.larder-chart .area{fill:#62b5ea;stroke:#62b5ea}
.larder-chart .before,.larder-chart .hatch{stroke:#8494a6}
.larder-chart .was{stroke:#b3b1a3}
.larder-chart .s0{stroke:#62b5ea}
.larder-chart .s1{stroke:#f2934a}
.larder-chart .s2{stroke:#3cc79c}
.larder-chart .s3{stroke:#e59fca}
.larder-chart .plain{stroke:#b3b1a3}
.larder-chart .dot{fill:#1b1e19}
}
</style>
`

// hatched is the pattern of what was before.
const hatched = `<defs><pattern id="larder-was" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 2.5H5"/></pattern></defs>
`
