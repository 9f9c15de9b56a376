// Package mlog stands in for the logger that the published mutator asks for, monis.app/mlog: that
// module cannot be downloaded everywhere, and nothing that a pod is given depends on what is logged.
// It has what the mutator calls and writes with the standard library's logger.
package mlog

import (
	"log/slog"
	"slices"
)

// LogLevel is a name that the webhook's --log-level takes.
type LogLevel string

// The levels, from the fewest messages to the most.
const (
	LevelWarning LogLevel = ""
	LevelInfo    LogLevel = "info"
	LevelDebug   LogLevel = "debug"
	LevelTrace   LogLevel = "trace"
	LevelAll     LogLevel = "all"
)

// Enabled answers as in a webhook that the chart installs, whose default is info. The mutator hands
// that level on to the proxy that it can add to a pod.
func Enabled(level LogLevel) bool {
	return slices.Contains([]LogLevel{LevelWarning, LevelInfo}, level)
}

// Logger writes messages with a fixed set of attributes.
type Logger struct{ logger *slog.Logger }

// New is a logger without attributes.
func New() Logger { return Logger{slog.Default()} }

// WithName adds the name of the part that writes.
func (l Logger) WithName(name string) Logger { return l.WithValues("logger", name) }

// WithValues adds keys and values, alternately.
func (l Logger) WithValues(keysAndValues ...any) Logger {
	return Logger{l.logger.With(keysAndValues...)}
}

// Error writes a failure.
func (l Logger) Error(message string, err error, keysAndValues ...any) {
	l.logger.With(keysAndValues...).Error(message, "error", err)
}
