package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"filo/access"
	"filo/entry"
	"filo/internal/app"
	"filo/internal/demo"
	"filo/internal/ids"
	"filo/report"
	"filo/territory"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pquerna/otp/totp"
	_ "modernc.org/sqlite"
)

// visitor makes a person and gives a browser that is signed in as them.
func (b *bench) visitor(n *app.Node, base string, m entry.Mandate, centre ids.ID) (*http.Client, error) {
	login := fmt.Sprintf("m%d@misura.example", time.Now().UnixNano())
	m.Title = "misura"
	code, err := n.Entry.Invite(b.ctx, access.AsSystem("misura"), m, centre)
	if err != nil {
		return nil, err
	}
	if _, err := n.Entry.Accept(b.ctx, code, login, demo.Password); err != nil {
		return nil, err
	}
	_, weak, err := n.Entry.Enter(b.ctx, login, demo.Password, "127.0.0.1", "bench")
	if err != nil {
		return nil, err
	}
	secret, _, err := n.Entry.NewTOTP(login)
	if err != nil {
		return nil, err
	}
	otp, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		return nil, err
	}
	token, _, _, err := n.Entry.ConfirmTOTP(b.ctx, weak, secret, otp)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	jar.SetCookies(u, []*http.Cookie{{Name: "filo", Value: token}})
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// intake measures reports sent through the whole form, three requests each,
// against bare inserts of one row each in the same database.
func (b *bench) intake() error {
	n, err := b.node("intake", "")
	if err != nil {
		return err
	}
	defer n.Close()
	if _, err := n.Seed(b.ctx); err != nil {
		return err
	}
	body, err := demo.Place(b.ctx, n, "Enna", "C342")
	if err != nil {
		return err
	}
	h, err := n.Pages()
	if err != nil {
		return err
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	c, err := b.visitor(n, srv.URL, entry.Mandate{Kind: access.Body, Role: access.Technician, Body: body.ID}, body.Centre)
	if err != nil {
		return err
	}
	const secs = 3
	var sent atomic.Int64
	ctx, stop := context.WithTimeout(b.ctx, secs*time.Second)
	defer stop()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if send(c, srv.URL) {
					sent.Add(1)
				}
			}
		})
	}
	wg.Wait()
	bare, err := bareInserts(filepath.Join(b.dir, "bare.db"), secs*time.Second)
	if err != nil {
		return err
	}
	rate := float64(sent.Load()) / secs
	b.say("reports sent through the form (begin, fill, send)", rate, "/s", fmt.Sprintf("bare one-row inserts, synced: %.0f/s", bare), rate/bare)
	return nil
}

func send(c *http.Client, base string) bool {
	post := func(path string, form url.Values) string {
		res, err := c.PostForm(base+path, form)
		if err != nil {
			return ""
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		return res.Header.Get("Location")
	}
	form := strings.TrimSuffix(post("/segnala", url.Values{"adesso": {"si"}}), "/2")
	if form == "" {
		return false
	}
	post(form+"/2", url.Values{"segni": {"altro"}, "tipo": {"incidente"}, "titolo": {"misura"}})
	return strings.HasSuffix(post(form+"/6", nil), "/ricevuta")
}

func bareInserts(path string, d time.Duration) (float64, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE r (id TEXT PRIMARY KEY, text TEXT)"); err != nil {
		return 0, err
	}
	n, end := 0, time.Now().Add(d)
	for time.Now().Before(end) {
		if _, err := db.Exec("INSERT INTO r VALUES ($1, $2)", string(ids.New(time.Now())), "misura"); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / d.Seconds(), nil
}

const (
	manyReports = 200_000
	visits      = 200
)

// pages measures queue and home with the map's 7,896 bodies and 200,000 reports
// against the same node with an empty store, on both databases.
func (b *bench) pages() error {
	for _, e := range []struct{ name, source string }{{"sqlite", ""}, {"postgres", os.Getenv("FILO_BENCH_POSTGRES")}} {
		if e.name == "postgres" && e.source == "" {
			fmt.Println("postgres: not measured, FILO_BENCH_POSTGRES names no server")
			continue
		}
		source, drop, err := own(e.source)
		if err != nil {
			return err
		}
		if err := b.pagesOn(e.name, source); err != nil {
			return err
		}
		drop()
	}
	return nil
}

// own makes a database for the measurement on the given server.
func own(base string) (string, func(), error) {
	if base == "" {
		return "", func() {}, nil
	}
	db, err := sql.Open("pgx", base)
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("filo_bench_%d", os.Getpid())
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		return "", nil, err
	}
	u, err := url.Parse(base)
	if err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() { db.Exec("DROP DATABASE " + name + " WITH (FORCE)"); db.Close() }, nil
}

func (b *bench) pagesOn(engine, source string) error {
	n, err := b.node("pages-"+engine, source)
	if err != nil {
		return err
	}
	defer n.Close()
	if _, err := n.Seed(b.ctx); err != nil {
		return err
	}
	body, err := demo.Place(b.ctx, n, "Enna", "C342")
	if err != nil {
		return err
	}
	h, err := n.Pages()
	if err != nil {
		return err
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	people := map[string]*http.Client{}
	if people["queue of a centre"], err = b.visitor(n, srv.URL, entry.Mandate{Kind: access.Centre, Role: access.Officer, Centre: body.Centre}, ""); err != nil {
		return err
	}
	if people["queue of the national centre"], err = b.visitor(n, srv.URL, entry.Mandate{Kind: access.National, Role: access.Officer, Centre: territory.NationalCentre}, ""); err != nil {
		return err
	}
	if people["home of a Comune"], err = b.visitor(n, srv.URL, entry.Mandate{Kind: access.Body, Role: access.Technician, Body: body.ID}, body.Centre); err != nil {
		return err
	}
	empty := map[string]float64{}
	for name, c := range people {
		if empty[name], err = visit(c, srv.URL); err != nil {
			return err
		}
	}
	if err := b.fill(n); err != nil {
		return err
	}
	for name, c := range people {
		full, err := visit(c, srv.URL)
		if err != nil {
			return err
		}
		b.say(fmt.Sprintf("%s, 200,000 reports, %s, p99", name, engine), full, "ms", fmt.Sprintf("empty store %.1f ms; limit 100 ms", empty[name]), full/empty[name])
	}
	return nil
}

func visit(c *http.Client, base string) (float64, error) {
	var all []time.Duration
	for range visits {
		t := time.Now()
		res, err := c.Get(base + "/")
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("home answers %s: %v", res.Status, err)
		}
		all = append(all, time.Since(t))
	}
	return quantile(all, 0.99), nil
}

// fill writes reports over all bodies: one in twenty is open.
func (b *bench) fill(n *app.Node) error {
	v := access.AsSystem("misura")
	var all []territory.Body
	for after, more := "", true; more; {
		list, next, err := n.Territory.Bodies(b.ctx, v, territory.Query{After: after, Limit: 200})
		if err != nil {
			return err
		}
		all, after, more = append(all, list...), next, next != ""
	}
	s, now := n.DB.Reports(), n.Clock.Now()
	for from := 0; from < manyReports; from += 2000 {
		err := n.DB.Do(b.ctx, func(ctx context.Context) error {
			for i := from; i < from+2000; i++ {
				body := all[i%len(all)]
				at := now.Add(-time.Duration(i) * time.Minute)
				r := report.Report{
					ID: ids.New(at), Code: fmt.Sprint("M", i), Body: body.ID, Centre: body.Centre, Direction: report.Up, How: report.ByForm, Kind: report.Attempt,
					Title: "misura", State: report.Closed, Priority: access.Priorities[i%4], TLP: access.TLPAmber, Version: 1, Created: at, Sent: at, Due: at.Add(time.Hour),
				}
				if i%20 == 0 {
					r.State = report.Received
				}
				if err := s.Insert(ctx, v, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
