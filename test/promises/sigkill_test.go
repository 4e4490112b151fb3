package promises

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filo/access"
	"filo/detection"
	"filo/entry"
	"filo/internal/app"
	"filo/internal/clock"
	"filo/internal/config"
	"filo/internal/demo"
	"filo/report"
	"filo/territory"

	"github.com/pquerna/otp/totp"
)

const rounds = 50

// binary builds the real program once.
func binary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "filo")
	cmd := exec.Command("go", "build", "-o", bin, "../../cmd/filo")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// proc is a process of ours that is killed and started again.
type proc struct {
	t    *testing.T
	args []string
	env  []string
	cmd  *exec.Cmd
}

func (p *proc) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Env = append(os.Environ(), p.env...)
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *proc) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// place prepares a node's data with one Comune, one technician and one code, as
// a node does, and gives the session and the code.
func place(t *testing.T, c config.Config) (session, code, pin string, body territory.Body) {
	t.Helper()
	ctx := t.Context()
	n, err := app.Build(ctx, c, clock.System{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := n.Seed(ctx); err != nil {
		t.Fatal(err)
	}
	body, err = demo.Place(ctx, n, "Enna", "C342")
	if err != nil {
		t.Fatal(err)
	}
	inv, err := n.Entry.Invite(ctx, access.AsSystem("prova"), entry.Mandate{Kind: access.Body, Role: access.Technician, Body: body.ID, Title: "tecnico CED, Comune di Enna"}, body.Centre)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Entry.Accept(ctx, inv, "ced@enna.example", demo.Password); err != nil {
		t.Fatal(err)
	}
	_, weak, err := n.Entry.Enter(ctx, "ced@enna.example", demo.Password, "127.0.0.1", "prova")
	if err != nil {
		t.Fatal(err)
	}
	secret, _, err := n.Entry.NewTOTP("ced@enna.example")
	if err != nil {
		t.Fatal(err)
	}
	otp, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	session, _, _, err = n.Entry.ConfirmTOTP(ctx, weak, secret, otp)
	if err != nil {
		t.Fatal(err)
	}
	g, err := n.Entry.Who(ctx, session)
	if err != nil {
		t.Fatal(err)
	}
	code, err = n.Agents.Invite(ctx, g.Viewer, body.ID, body.Centre)
	if err != nil {
		t.Fatal(err)
	}
	return session, code, n.Keys.Pin(), body
}

// up waits until the node answers.
func up(t *testing.T, base string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	for ctx.Err() == nil {
		if res, err := http.Get(base + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusNoContent {
				return
			}
		}
		pause(ctx, 10*time.Millisecond)
	}
	t.Fatal("the node does not come up")
}

func pause(ctx context.Context, d time.Duration) {
	tm := time.NewTimer(d)
	defer tm.Stop()
	select {
	case <-ctx.Done():
	case <-tm.C:
	}
}

// sendReport goes through the form and says whether the receipt was shown.
func sendReport(c *http.Client, base, title string) bool {
	res, err := c.PostForm(base+"/segnala", url.Values{"adesso": {"si"}})
	if err != nil {
		return false
	}
	res.Body.Close()
	form := strings.TrimSuffix(res.Header.Get("Location"), "/2")
	if res.StatusCode != http.StatusSeeOther || form == "" {
		return false
	}
	for _, step := range []struct {
		n    string
		form url.Values
	}{{"2", url.Values{"segni": {"altro"}, "tipo": {"incidente"}, "titolo": {title}}}, {"6", url.Values{}}} {
		res, err := c.PostForm(base+form+"/"+step.n, step.form)
		if err != nil {
			return false
		}
		res.Body.Close()
		if res.StatusCode != http.StatusSeeOther {
			return false
		}
		if strings.HasSuffix(res.Header.Get("Location"), "/ricevuta") {
			return true
		}
	}
	return false
}

func TestFiftyKillsLoseNothingAcknowledgedAndDoubleNothing(t *testing.T) {
	bin, dir := binary(t), t.TempDir()
	c := config.Default()
	c.Data, c.Database = filepath.Join(dir, "node"), "sqlite:"+filepath.Join(dir, "node", "filo.db")
	c.Listen, c.Link.Listen = free(t), free(t)
	c.Public, c.Link.Public = "http://"+c.Listen, "https://"+c.Link.Listen
	session, code, pin, body := place(t, c)
	env := []string{"FILO_DATA=" + c.Data, "FILO_LISTEN=" + c.Listen, "FILO_PUBLIC=" + c.Public, "FILO_LINK_LISTEN=" + c.Link.Listen, "FILO_LINK_PUBLIC=" + c.Link.Public, "FILO_LOG_LEVEL=error"}
	log, state := filepath.Join(dir, "auth.log"), filepath.Join(dir, "agente")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	node := &proc{t: t, args: []string{bin, "serve"}, env: env}
	node.start()
	t.Cleanup(func() { node.kill() })
	up(t, c.Public)
	if out, err := exec.Command(bin, "enrol", code, "--node", c.Link.Public, "--pin", pin, "--state", state).CombinedOutput(); err != nil {
		t.Fatalf("enrol: %v\n%s", err, out)
	}
	ag := &proc{t: t, args: []string{bin, "agent", "--log", log, "--state", state, "--log-level", "error"}}
	ag.start()
	t.Cleanup(func() { ag.kill() })

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(c.Public)
	jar.SetCookies(u, []*http.Cookie{{Name: "filo", Value: session}})
	web := &http.Client{Jar: jar, Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r := rand.New(rand.NewPCG(7, 61))
	want, acked := map[string]int{}, map[string]bool{}
	for i := range rounds {
		ip := fmt.Sprintf("203.0.113.%d", i+1)
		n := 3 + r.IntN(40)
		write(t, log, ip, n)
		want[ip] = n
		done := make(chan bool, 1)
		title := fmt.Sprintf("giro %d", i)
		go func() { done <- sendReport(web, c.Public, title) }()
		pause(t.Context(), time.Duration(r.IntN(300))*time.Millisecond)
		victim := ag
		if i%2 == 0 {
			victim = node
		}
		victim.kill()
		acked[title] = <-done
		victim.start()
		if victim == node {
			up(t, c.Public)
		}
	}
	check(t, c, body, want, acked)
}

func write(t *testing.T, log, ip string, n int) {
	t.Helper()
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for k := range n {
		fmt.Fprintf(f, "%s gate sshd[1]: Failed password for root from %s port %d ssh2\n", time.Now().Format(time.RFC3339), ip, 40000+k)
	}
}

// check reads the node's database once everything has arrived.
func check(t *testing.T, c config.Config, body territory.Body, want map[string]int, acked map[string]bool) {
	t.Helper()
	n, err := app.Build(t.Context(), c, clock.System{}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	v := access.OfBody(body.ID)
	ctx, stop := context.WithTimeout(t.Context(), 60*time.Second)
	defer stop()
	got := map[string]int{}
	for ctx.Err() == nil {
		clear(got)
		for after, more := "", true; more; {
			list, next, err := n.Detections.List(ctx, v, detection.Filter{After: after, Limit: 200})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range list {
				got[f.SourceIP] += f.Count
			}
			after, more = next, next != ""
		}
		if arrived(got, want) {
			break
		}
		pause(ctx, 200*time.Millisecond)
	}
	for ip, k := range want {
		if got[ip] != k {
			t.Errorf("%s: the node counts %d of %d attempts", ip, got[ip], k)
		}
	}
	seen := map[string]int{}
	for after, more := "", true; more; {
		list, next, err := n.Reports.List(t.Context(), v, report.Filter{After: after, Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			seen[r.Title]++
		}
		after, more = next, next != ""
	}
	told := 0
	for title, ok := range acked {
		if ok {
			told++
		}
		if ok && seen[title] != 1 || seen[title] > 1 {
			t.Errorf("report %q: acknowledged %v, kept %d times", title, ok, seen[title])
		}
	}
	if told < rounds/4 {
		t.Errorf("only %d of %d reports were acknowledged: the test shows little", told, rounds)
	}
}

// arrived reports whether every attempt that was written has been counted.
func arrived(got, want map[string]int) bool {
	for ip, k := range want {
		if got[ip] < k {
			return false
		}
	}
	return true
}
