//go:build tools

// Package tools pins the NATS server that ferry-bench measures beside Ferry: importing its main package keeps it, and everything it
// needs, in go.mod and go.sum. It is never compiled.
package tools

import _ "github.com/nats-io/nats-server/v2"
