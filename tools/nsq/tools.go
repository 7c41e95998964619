//go:build tools

// Package tools pins the NSQ daemons that Ferry is built and tested against: importing their main packages keeps them, and
// everything they need, in go.mod and go.sum. It is never compiled.
package tools

import (
	_ "github.com/nsqio/nsq/apps/nsqadmin"
	_ "github.com/nsqio/nsq/apps/nsqd"
	_ "github.com/nsqio/nsq/apps/nsqlookupd"
)
