# make test   sets up what is missing and runs every test with the race detector, under ten minutes
# make soak   the long campaigns: kills, power cuts, twenty repetitions (docs/soak.md); run it as root for the power cuts
# make bench  the figures of the README, each a ratio to the raw call in the same run
# make fuzz   every fuzz target for a minute
GO ?= go
FUZZTIME ?= 60s

.PHONY: test soak bench fuzz setup

test: setup
	$(GO) test -race -shuffle=on ./...
	cd internal/compat && $(GO) test -race -count=1 ./... && cd units && $(GO) test -count=1 ./...

soak: setup
	$(GO) test -race -shuffle=on -count=20 -timeout=1h -run 'TestConformance|TestMap|TestPrefix|TestCustom' ./store/storetest ./*store
	LARDER_SOAK=1 $(GO) test -count=1 -timeout=6h ./... && cd internal/compat && LARDER_SOAK=1 $(GO) test -count=1 ./...

bench:
	$(GO) test -run '^$$' -bench 'Ratio|Place|Store$$|Driver|Sweep|Cleanup|Get$$|Set|Session|Foreground|ReadMostly|Observe|Handover|Hit' -benchtime 1x ./*store ./shard ./codec ./session ./internal/layertest
	cd internal/compat && $(GO) test -run '^$$' -bench Peers -benchtime 1x ./peers

fuzz:
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep ^Fuzz); do \
			echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

setup:
	@./.ci/setup
