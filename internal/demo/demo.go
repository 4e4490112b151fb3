// Package demo runs a node, two centres and three Comuni with their agents on
// one machine, seeded as a real place would be, and plays the whole loop: an
// attack, the report, the warning, the answers.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"filo/access"
	"filo/agreement"
	"filo/entry"
	"filo/internal/app"
	"filo/internal/clock"
	"filo/internal/config"
	"filo/internal/edge"
	"filo/internal/edge/link"
	"filo/internal/ids"
	"filo/territory"

	"github.com/pquerna/otp/totp"
)

// Options are how the demonstration runs.
type Options struct {
	Dir    string // empty: a temporary folder
	Listen string // pages; empty: 127.0.0.1:8080, or any free port when that is taken
	Watch  string // a real log that Enna's agent follows as well
	Out    io.Writer
	Log    *slog.Logger
}

// Person is one role of the demonstration with its way in.
type Person struct {
	Title    string
	Login    string
	Recovery []string
	Viewer   access.Viewer
}

// Password is the same for all roles of the demonstration.
const Password = "quattro gatti al municipio"

// Demo is a running demonstration.
type Demo struct {
	Node   *app.Node
	URL    string
	People map[string]Person
	Logs   map[string]string // by Comune
	opt    Options
	// temporary: the folder was made here and goes when it is closed.
	temporary bool
	heard     chan heard
	stop      context.CancelFunc
	done      chan error
}

type heard struct {
	body, step, about string
	at                time.Time
}

// comuni of the demonstration: name, codice catastale.
var comuni = [][2]string{{"Enna", "C342"}, {"Caltanissetta", "B429"}, {"Genova", "D969"}}

// Attacker is the address from which the demonstration attacks (RFC 5737).
const Attacker = "203.0.113.77"

// Start builds everything and returns once pages and agents are up.
func Start(ctx context.Context, o Options) (*Demo, error) {
	if o.Watch != "" {
		f, err := os.Open(o.Watch)
		if err != nil {
			return nil, fmt.Errorf("the log to watch: %w", err)
		}
		f.Close()
	}
	temporary := false
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "filo-demo-")
		if err != nil {
			return nil, err
		}
		o.Dir, temporary = dir, true
	}
	pages, err := listen(o.Listen)
	if err != nil {
		return nil, err
	}
	lnk, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := config.Default()
	c.Data, c.Database = filepath.Join(o.Dir, "node"), "sqlite:"+filepath.Join(o.Dir, "node", "filo.db")
	c.Listen, c.Public = pages.Addr().String(), fmt.Sprintf("http://localhost:%d", pages.Addr().(*net.TCPAddr).Port) // passkeys need a name
	c.Link.Public = "https://" + lnk.Addr().String()
	n, err := app.Build(ctx, c, clock.System{}, o.Log)
	if err != nil {
		return nil, err
	}
	// The password of a demonstration is printed on the screen: a costly hash
	// would only make people wait.
	n.Entry = entry.NewDesk(n.DB.Entries(), n.Clock, entry.NewCheapPasswords(), n.Agreements.Delegated)
	d := &Demo{Node: n, URL: c.Public, People: map[string]Person{}, Logs: map[string]string{}, opt: o, temporary: temporary, heard: make(chan heard, 256), done: make(chan error, 8)}
	if err := d.seed(ctx); err != nil {
		return nil, err
	}
	h, err := n.Pages()
	if err != nil {
		return nil, err
	}
	ctx, d.stop = context.WithCancel(ctx)
	go func() { d.done <- n.Serve(ctx, pages, lnk, h) }()
	for _, k := range comuni {
		if err := d.agent(ctx, k[0], k[1]); err != nil {
			return nil, fmt.Errorf("agent of %s: %w", k[0], err)
		}
	}
	return d, nil
}

func listen(addr string) (net.Listener, error) {
	if addr != "" {
		return net.Listen("tcp", addr)
	}
	if l, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil {
		return l, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// Close stops everything.
func (d *Demo) Close() error {
	d.stop()
	for range len(comuni) + 1 {
		<-d.done
	}
	err := d.Node.Close()
	if d.temporary {
		err = errors.Join(err, os.RemoveAll(d.opt.Dir))
	}
	return err
}

func (d *Demo) seed(ctx context.Context) error {
	n, v := d.Node, access.AsSystem("dimostrazione")
	if _, err := n.Seed(ctx); err != nil {
		return err
	}
	if err := framework(ctx, n); err != nil {
		return err
	}
	for _, k := range comuni {
		b, err := Place(ctx, n, k[0], k[1])
		if err != nil {
			return err
		}
		for _, h := range []string{"Anagrafe e stato civile", "Protocollo", "Tributi e pagamenti", "Posta elettronica"} {
			if err := n.Territory.DeclareHolding(ctx, v, b.ID, territory.Service, h); err != nil {
				return err
			}
		}
		if err := n.Territory.DeclareContact(ctx, v, territory.Contact{Body: b.ID, Person: "Tecnico CED", Duty: "punto di contatto h24", Channel: "mail", Value: "ced@comune." + territory.SearchKey(b.Name) + ".example"}); err != nil {
			return err
		}
		if err := d.person(ctx, b.Name, "Tecnico CED, Comune di "+b.Name, "ced@comune."+territory.SearchKey(b.Name)+".example",
			entry.Mandate{Kind: access.Body, Role: access.Technician, Body: b.ID}, b.Centre); err != nil {
			return err
		}
		if err := d.person(ctx, b.Name+"-resp", "Responsabile del protocollo, Comune di "+b.Name, "responsabile@comune."+territory.SearchKey(b.Name)+".example",
			entry.Mandate{Kind: access.Body, Role: access.Manager, Body: b.ID}, b.Centre); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		key, title, login string
		m                 entry.Mandate
	}{
		{"Palermo", "Operatore di turno, Polizia Postale di Palermo", "turno@palermo.polizia.example", entry.Mandate{Kind: access.Centre, Role: access.Officer, Centre: "COSC-SICILIA-OCC"}},
		{"Palermo-dir", "Dirigente, Polizia Postale di Palermo", "dirigente@palermo.polizia.example", entry.Mandate{Kind: access.Centre, Role: access.Head, Centre: "COSC-SICILIA-OCC"}},
		{"Genova-centro", "Operatore di turno, Polizia Postale di Genova", "turno@genova.polizia.example", entry.Mandate{Kind: access.Centre, Role: access.Officer, Centre: "COSC-LIGURIA"}},
		{"Nazionale", "Operatore, centro nazionale", "operatore@nazionale.polizia.example", entry.Mandate{Kind: access.National, Role: access.Officer, Centre: territory.NationalCentre}},
		{"Amministratore", "Amministratore del nodo", "amministratore@nazionale.polizia.example", entry.Mandate{Kind: access.National, Role: access.Admin, Centre: territory.NationalCentre}},
	} {
		if err := d.person(ctx, p.key, p.title, p.login, p.m, ""); err != nil {
			return err
		}
	}
	return d.others(ctx)
}

// others takes part without being a Comune: an in-house company that runs the
// systems of Genova, the association of Comuni, a laboratory.
func (d *Demo) others(ctx context.Context) error {
	n, v := d.Node, access.AsSystem("dimostrazione")
	for _, o := range []struct {
		key, name, title, login string
		body                    territory.BodyKind
		kind                    access.Kind
		role                    access.Role
	}{
		{"Gestore", "Società in house di esempio", "Tecnico, società in house", "tecnico@inhouse.example", territory.InHouse, access.Operator, access.Technician},
		{"ANCI", "ANCI Liguria (esempio)", "Referente, ANCI Liguria", "referente@anci.example", territory.Association, access.ANCI, access.Reader},
		{"Laboratorio", "Laboratorio di analisi di esempio", "Analista, laboratorio", "analista@laboratorio.example", territory.Laboratory, access.Lab, access.Reader},
	} {
		b, err := n.Territory.Enlist(ctx, v, territory.Body{Kind: o.body, Name: o.name, Province: "GE"})
		if err != nil {
			return err
		}
		if o.body == territory.InHouse {
			genova, err := n.Territory.ByBelfiore(ctx, v, "D969")
			if err != nil {
				return err
			}
			if err := n.Territory.Delegate(ctx, v, territory.Delegation{Operator: b.ID, Body: genova.ID, Scope: "rete e server, determina n. 12"}); err != nil {
				return err
			}
		}
		if err := d.person(ctx, o.key, o.title, o.login, entry.Mandate{Kind: o.kind, Role: o.role, Body: b.ID}, b.Centre); err != nil {
			return err
		}
	}
	return nil
}

// framework puts the agreement in force under which all others stand.
func framework(ctx context.Context, n *app.Node) error {
	v := access.AsSystem("dimostrazione")
	v.Name = "Segreteria"
	a, err := n.Agreements.Open(ctx, v, agreement.Agreement{
		Level: agreement.Framework, Centre: territory.NationalCentre, Title: "Accordo quadro Polizia di Stato – ANCI", Clauses: access.Clauses, NoticeDays: 60, Months: 60,
	})
	if err != nil {
		return err
	}
	return walk(ctx, n, v, a.ID, -400)
}

// Place gives a Comune of the map an agreement in force with all clauses, and
// marks it as active. It makes the Comune where the binary carries no list.
func Place(ctx context.Context, n *app.Node, name, belfiore string) (territory.Body, error) {
	v := access.AsSystem("dimostrazione")
	b, err := n.Territory.ByBelfiore(ctx, v, belfiore)
	if err != nil {
		place := map[string][3]string{"Enna": {"EN", "Sicilia", "COSC-SICILIA-OCC"}, "Caltanissetta": {"CL", "Sicilia", "COSC-SICILIA-OCC"}, "Genova": {"GE", "Liguria", "COSC-LIGURIA"}}[name]
		b = territory.Body{ID: territory.ComuneID(belfiore), Kind: territory.Comune, Name: name, Belfiore: belfiore, Province: place[0], Region: place[1], Centre: ids.ID(place[2])}
	}
	b.Active = true
	if err := n.Territory.PutBodies(ctx, v, []territory.Body{b}); err != nil {
		return b, err
	}
	return b, sign(ctx, n, b)
}

// sign takes an agreement through its steps, as it would have gone.
func sign(ctx context.Context, n *app.Node, b territory.Body) error {
	v := access.AsSystem("dimostrazione")
	v.Name = "Segreteria"
	above, _, err := n.Agreements.List(ctx, v, agreement.Filter{Level: agreement.Framework, Limit: 1})
	if err != nil {
		return err
	}
	a := agreement.Agreement{
		Level: agreement.Municipal, Body: b.ID, Centre: b.Centre, Title: "Protocollo d'intesa con " + b.Name, Clauses: access.Clauses, NoticeDays: 60,
		Office: "Innovazione tecnologica e sicurezza informatica",
	}
	if len(above) > 0 {
		a.Parent = above[0].ID
	}
	if a, err = n.Agreements.Open(ctx, v, a); err != nil {
		return err
	}
	return walk(ctx, n, v, a.ID, -119)
}

// walk takes an agreement through its steps to the day, counted from today, on
// which it came into force.
func walk(ctx context.Context, n *app.Node, v access.Viewer, id ids.ID, start int) error {
	day := clock.DayOf(n.Clock.Now()).AddDays(start)
	for _, s := range []agreement.Step{
		{To: agreement.InApproval, Day: day.AddDays(-31)},
		{To: agreement.Approved, Day: day.AddDays(-11), Note: "Delibera n. 42"},
		{To: agreement.Signed, Day: day.AddDays(-1)},
		{To: agreement.InForce, Day: day},
	} {
		if _, err := n.Agreements.Move(ctx, v, id, s); err != nil {
			return err
		}
	}
	return nil
}

// person invites somebody and takes them through the same steps as everybody:
// invitation, password, second factor.
func (d *Demo) person(ctx context.Context, key, title, login string, m entry.Mandate, centre ids.ID) error {
	e := d.Node.Entry
	m.Title = title
	code, err := e.Invite(ctx, access.AsSystem("dimostrazione"), m, centre)
	if err != nil {
		return err
	}
	if _, err := e.Accept(ctx, code, login, Password); err != nil {
		return err
	}
	_, weak, err := e.Enter(ctx, login, Password, "127.0.0.1", "filo demo")
	if err != nil {
		return err
	}
	secret, _, err := e.NewTOTP(login)
	if err != nil {
		return err
	}
	otp, err := totp.GenerateCode(secret, d.Node.Clock.Now())
	if err != nil {
		return err
	}
	token, s, recovery, err := e.ConfirmTOTP(ctx, weak, secret, otp)
	if err != nil {
		return err
	}
	g, err := e.Who(ctx, token)
	if err != nil {
		return err
	}
	d.People[key] = Person{Title: title, Login: login, Recovery: recovery, Viewer: g.Viewer}
	return e.Leave(ctx, s)
}

// agent enrols and starts the agent of a Comune, with a log of its own.
func (d *Demo) agent(ctx context.Context, name, belfiore string) error {
	dir := filepath.Join(d.opt.Dir, "agente-"+territory.SearchKey(name))
	log := filepath.Join(d.opt.Dir, territory.SearchKey(name)+"-auth.log")
	d.Logs[name] = log
	if err := os.WriteFile(log, d.past(name), 0o600); err != nil {
		return err
	}
	b, err := d.Node.Territory.ByBelfiore(ctx, access.AsSystem("dimostrazione"), belfiore)
	if err != nil {
		return err
	}
	code, err := d.Node.Agents.Invite(ctx, d.People[name].Viewer, b.ID, b.Centre)
	if err != nil {
		return err
	}
	if _, err := link.Enrol(ctx, dir, d.Node.Config.Link.Public, code, d.Node.Keys.Pin(), "demo"); err != nil {
		return err
	}
	src := []edge.SourceConfig{{Name: "auth.log", Path: log}}
	if name == "Enna" && d.opt.Watch != "" {
		src = append(src, edge.SourceConfig{Path: d.opt.Watch})
	}
	a, err := edge.Open(edge.Config{
		State: dir, Sources: src, Version: "demo", Clock: d.Node.Clock, Log: d.opt.Log, Every: 100 * time.Millisecond,
		Heard: func(step, about string) {
			select {
			case d.heard <- heard{name, step, about, d.Node.Clock.Now()}:
			default:
			}
		},
	})
	if err != nil {
		return err
	}
	go func() { d.done <- a.Run(ctx) }()
	return nil
}

// past is what the log of a Comune holds already: Caltanissetta was knocked at
// by the same attacker the evening before, and nobody noticed.
func (d *Demo) past(name string) []byte {
	var b []byte
	now := d.Node.Clock.Now().In(clock.Rome)
	b = fmt.Appendf(b, "%s %s sshd[811]: Accepted publickey for backup from 10.0.0.5 port 50122 ssh2\n", now.Add(-20*time.Hour).Format(time.RFC3339), host(name))
	if name == "Caltanissetta" {
		for i := range 4 {
			b = fmt.Appendf(b, "%s %s sshd[902]: Failed password for root from %s port %d ssh2\n", now.Add(-14*time.Hour+time.Duration(i)*time.Second).Format(time.RFC3339), host(name), Attacker, 40100+i)
		}
	}
	return b
}

func host(name string) string { return "srv-" + territory.SearchKey(name) }

// Attack writes into Enna's log what sshd writes when somebody guesses and gets in.
func (d *Demo) Attack() error {
	f, err := os.OpenFile(d.Logs["Enna"], os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	now := d.Node.Clock.Now().In(clock.Rome)
	users := []string{"root", "admin", "ced", "protocollo", "anagrafe"}
	for i := range 24 {
		at := now.Add(time.Duration(i-24) * time.Second).Format(time.RFC3339)
		if _, err := fmt.Fprintf(f, "%s %s sshd[1201]: Failed password for %s from %s port %d ssh2\n", at, host("Enna"), users[i%len(users)], Attacker, 51200+i); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(f, "%s %s sshd[1201]: Accepted password for ced from %s port 51230 ssh2\n", now.Format(time.RFC3339), host("Enna"), Attacker)
	return err
}
