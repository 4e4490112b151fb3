// Package api is how machines speak with a node: the agents' link, and the REST
// interface for the programs of bodies and centres.
package api

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"

	"filo/internal/fault"

	"github.com/VictoriaMetrics/metrics"
)

// Counters are the metrics of this package.
type Counters struct {
	Events  *metrics.Counter
	Streams Gauge
}

// status is the one table from kinds of faults to HTTP.
var status = map[fault.Kind]int{
	fault.NotFound: http.StatusNotFound, fault.Hidden: http.StatusNotFound, fault.Invalid: http.StatusBadRequest,
	fault.Conflict: http.StatusConflict, fault.Forbidden: http.StatusForbidden, fault.NotCovered: http.StatusForbidden,
	fault.Expired: http.StatusGone, fault.TooLarge: http.StatusRequestEntityTooLarge, fault.TooMany: http.StatusTooManyRequests,
	fault.Unavailable: http.StatusServiceUnavailable, fault.Internal: http.StatusInternalServerError,
}

// Problem is an error as machines read it (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Field  string `json:"field,omitempty"`
}

func problem(w http.ResponseWriter, err error) {
	out := fault.Outside(err)
	p := Problem{Type: "about:blank", Title: out.Key, Status: status[out.Kind], Field: out.Field}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func problemHandler(code int, key string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(Problem{Type: "about:blank", Title: key, Status: code})
	})
}

func writeJSON(w http.ResponseWriter, code int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the reader went away: nothing left to answer
	return nil
}

func readJSON(w http.ResponseWriter, r *http.Request, v any, limit int64) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	err := dec.Decode(v)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return fault.Wrap(fault.TooLarge, err, "fault.too_large")
	case err != nil && !errors.Is(err, io.EOF):
		return fault.Wrap(fault.Invalid, err, "fault.json")
	}
	return nil
}

func remoteHost(r *http.Request) string {
	h, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return h
}

// Gauge is a number that goes up and down.
type Gauge interface {
	Inc()
	Dec()
}
