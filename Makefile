# Each target is a script, to be read and run without make too.
.PHONY: run test check build ui gen lint fmt chaos speed

run:   ; @scripts/run.sh
test:  ; @scripts/test.sh
chaos: ; @scripts/chaos.sh
speed: ; @scripts/speed.sh
check: ; @scripts/check.sh
build: ; @scripts/build.sh
ui:    ; @scripts/ui.sh
gen:   ; @scripts/gen.sh
lint:  ; @scripts/tool.sh golangci-lint run ./...
fmt:   ; @scripts/tool.sh golangci-lint fmt ./...
