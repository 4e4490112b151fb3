package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"filo/access"
	"filo/agent"
	"filo/internal/clock"
	"filo/internal/fault"
	"filo/internal/flow"
	"filo/internal/ids"
	"filo/internal/live"
	"filo/internal/pki"
	"filo/internal/wire"

	"github.com/klauspost/compress/zstd"
)

// Link serves the agents: see package wire for the messages.
type Link struct {
	Agents *agent.Desk
	Flow   *flow.Flow
	Hub    *live.Hub
	Clock  clock.Clock
	CA     string
	Public string // the address agents are told to use
	Names  func(ctx context.Context, body ids.ID) (bodyName, centreName string)
	Guard  *Guard
	Count  *Counters
}

// beat is how often an idle stream says that it is alive; proxies cut silent ones.
const beat = 25 * time.Second

// Handler gives the link's routes; Routes names them.
func (l *Link) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range LinkRoutes {
		mux.Handle(r.Method+" "+r.Path, l.handle(r))
	}
	mux.Handle("/", problemHandler(http.StatusNotFound, "fault.not_found"))
	return mux
}

// LinkRoute is one endpoint of the link. The isolation test walks the list.
type LinkRoute struct {
	Method, Path string
	Open         bool // needs no certificate
	serve        func(*Link, http.ResponseWriter, *http.Request, access.Viewer) error
}

// LinkRoutes lists all endpoints of the link.
var LinkRoutes = []LinkRoute{
	{"POST", wire.PathEnrol, true, (*Link).enrol},
	{"POST", wire.PathBatch, false, (*Link).batch},
	{"GET", wire.PathChanges, false, (*Link).changes},
	{"GET", wire.PathStream, false, (*Link).stream},
	{"POST", wire.PathRenew, false, (*Link).renew},
}

func (l *Link) handle(r LinkRoute) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var v access.Viewer
		if !r.Open {
			var err error
			if v, err = l.viewer(req); err != nil {
				problem(w, err)
				return
			}
		}
		if err := r.serve(l, w, req, v); err != nil {
			problem(w, err)
		}
	})
}

// viewer tells who calls, from the certificate that TLS verified, and refuses
// revoked agents on every call.
func (l *Link) viewer(r *http.Request) (access.Viewer, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return access.Viewer{}, fault.New(fault.Forbidden, "agent.no_certificate")
	}
	id, body, err := pki.Identity(r.TLS.VerifiedChains[0][0])
	if err != nil {
		return access.Viewer{}, fault.Wrap(fault.Forbidden, err, "agent.no_certificate")
	}
	v := access.OfBody(body)
	v.Agent, v.Role = id, access.Technician
	if _, err := l.Agents.Known(r.Context(), v); err != nil {
		if fault.Is(err, fault.NotFound) {
			return v, fault.New(fault.Forbidden, "agent.revoked")
		}
		return v, err
	}
	return v, nil
}

func (l *Link) enrol(w http.ResponseWriter, r *http.Request, _ access.Viewer) error {
	if err := l.Guard.Try("enrol " + remoteHost(r)); err != nil {
		return err
	}
	var req wire.EnrolRequest
	if err := readJSON(w, r, &req, 64<<10); err != nil {
		return err
	}
	a, cert, err := l.Agents.Enrol(r.Context(), req, l.Flow.Centre)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, l.answer(r.Context(), a, cert))
}

func (l *Link) answer(ctx context.Context, a agent.Agent, cert string) wire.EnrolResponse {
	body, centre := l.Names(ctx, a.Body)
	return wire.EnrolResponse{
		Agent: a.ID, Body: a.Body, BodyName: body, CentreName: centre, Certificate: cert, CA: l.CA, Link: l.Public, NotAfter: a.NotAfter,
	}
}

func (l *Link) renew(w http.ResponseWriter, r *http.Request, v access.Viewer) error {
	var req wire.RenewRequest
	if err := readJSON(w, r, &req, 64<<10); err != nil {
		return err
	}
	a, cert, err := l.Agents.Renew(r.Context(), v, req.CSR)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, l.answer(r.Context(), a, cert))
}

// batch takes events. Its content is limited before and after decompression: a
// bomb costs no more than the limit.
func (l *Link) batch(w http.ResponseWriter, r *http.Request, v access.Viewer) error {
	body := io.Reader(http.MaxBytesReader(w, r.Body, wire.MaxBatch))
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(wire.MaxBatchPlain), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "link.batch.bad")
		}
		defer z.Close()
		body = z
	case "":
	default:
		return fault.Bad("Content-Encoding", "link.batch.encoding", enc)
	}
	limited := &io.LimitedReader{R: body, N: wire.MaxBatchPlain + 1}
	var b wire.Batch
	if err := json.NewDecoder(limited).Decode(&b); err != nil {
		var large *http.MaxBytesError
		if limited.N <= 0 || errors.As(err, &large) || errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
			return fault.Wrap(fault.TooLarge, err, "link.batch.large", wire.MaxBatch>>20)
		}
		return fault.Wrap(fault.Invalid, err, "link.batch.bad")
	}
	ack, err := l.Flow.TakeBatch(r.Context(), v, b)
	if err != nil {
		return err
	}
	l.Count.Events.Add(len(b.Events))
	return writeJSON(w, http.StatusOK, ack)
}

func (l *Link) changes(w http.ResponseWriter, r *http.Request, v access.Viewer) error {
	after, err := after(r)
	if err != nil {
		return err
	}
	page, err := l.Agents.Changes(r.Context(), v, after)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, page)
}

func after(r *http.Request) (int64, error) {
	s := r.URL.Query().Get("after")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Bad("after", "fault.cursor")
	}
	return n, nil
}

// stream keeps the connection open and says "look" when there may be something
// new. It carries no content: what is missed is found by the cursor.
func (l *Link) stream(w http.ResponseWriter, r *http.Request, v access.Viewer) error {
	sub := l.Hub.Subscribe(v.Body, v.Agent)
	defer sub.Close()
	l.Count.Streams.Inc()
	defer l.Count.Streams.Dec()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // the server's write time-out is for answers, not for streams
	tick := time.NewTicker(beat)
	defer tick.Stop()
	send := func(s string) error {
		if _, err := io.WriteString(w, s); err != nil {
			return err
		}
		return rc.Flush()
	}
	if err := send("event: change\ndata: 0\n\n"); err != nil {
		return nil //nolint:nilerr // the agent went away: nothing to answer
	}
	for {
		var err error
		select {
		case <-r.Context().Done():
			return nil
		case <-tick.C:
			err = send(": \n\n")
		case <-sub.C:
			// A revoked agent loses its open stream too.
			if _, known := l.Agents.Known(r.Context(), v); fault.Is(known, fault.Forbidden) {
				return nil
			}
			err = send(fmt.Sprintf("event: change\ndata: %d\n\n", l.Clock.Now().UnixMilli()))
		}
		if err != nil {
			return nil //nolint:nilerr // as above
		}
	}
}
