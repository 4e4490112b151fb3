package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"filo/access"
	"filo/alert"
	"filo/detection"
	"filo/hunt"
	"filo/internal/ids"
	"filo/internal/pki"
	"filo/report"
)

// Step is one thing that was seen to happen, with the time since the attack.
type Step struct {
	Name   string  `json:"step"`
	Millis float64 `json:"ms"`
	Detail string  `json:"detail"`
}

// stepTime is how long the story waits for one step.
const stepTime = 30 * time.Second

// Story plays the loop to its end and gives the steps in order. It fails at the
// first step that was not seen. say tells each one as it happens.
func (d *Demo) Story(ctx context.Context, say func(Step)) ([]Step, error) {
	s := &story{d: d, say: say}
	if err := s.warmUp(ctx); err != nil {
		return nil, err
	}
	s.t0 = d.Node.Clock.Now()
	if err := d.Attack(); err != nil {
		return nil, err
	}
	s.mark("attacco", "24 password provate e una riuscita sul registro di Enna, da "+Attacker)
	for _, f := range []func(context.Context) error{s.finding, s.send, s.take, s.warn, s.protected, s.answers, s.hunt} {
		if err := f(ctx); err != nil {
			return s.steps, err
		}
	}
	return s.steps, nil
}

type story struct {
	d      *Demo
	say    func(Step)
	t0     time.Time
	steps  []Step
	report report.Report
	alert  alert.Alert
	wide   alert.Alert
}

func (s *story) mark(name, detail string) {
	st := Step{name, float64(s.d.Node.Clock.Now().Sub(s.t0).Microseconds()) / 1000, detail}
	s.steps = append(s.steps, st)
	s.say(st)
}

// until asks again and again until f says yes.
func (s *story) until(ctx context.Context, what string, f func() (bool, error)) error {
	ctx, stop := context.WithTimeout(ctx, stepTime)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := f()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not seen within %s", what, stepTime)
		case <-tick.C:
		}
	}
}

// warmUp waits until every agent spoke once and read what its log held.
func (s *story) warmUp(ctx context.Context) error {
	return s.until(ctx, "the agents report for duty", func() (bool, error) {
		list, _, err := s.d.Node.Agents.List(ctx, access.AsSystem("storia"), "", "", 10)
		ready := 0
		for _, a := range list {
			if a.Seq > 0 {
				ready++
			}
		}
		f, _, err2 := s.d.Node.Detections.List(ctx, access.AsSystem("storia"), detection.Filter{Body: s.body("Caltanissetta")})
		if err == nil {
			err = err2
		}
		return ready == len(comuni) && len(f) > 0, err
	})
}

func (s *story) who(key string) access.Viewer { return s.d.People[key].Viewer }

func (s *story) body(name string) ids.ID { return s.who(name).Body }

func (s *story) finding(ctx context.Context) error {
	v := s.who("Enna")
	err := s.until(ctx, "the finding at the node", func() (bool, error) {
		list, _, err := s.d.Node.Detections.List(ctx, v, detection.Filter{})
		for _, f := range list {
			if f.Rule == "ssh-login-accepted" && f.ReportID != "" {
				s.report.ID = f.ReportID
				return true, err
			}
		}
		return false, err
	})
	if err == nil {
		s.mark("rilevazione", "l'agente di Enna lo ha visto e ha preparato la bozza della segnalazione")
	}
	return err
}

func (s *story) send(ctx context.Context) error {
	r, err := s.d.Node.Reports.Send(ctx, s.who("Enna"), s.report.ID)
	if err != nil {
		return err
	}
	s.report = r
	s.mark("segnalazione", "il tecnico di Enna la invia: "+r.Code)
	rec, err := report.NewReceipt(r, "Enna", "Polizia Postale, centro di Palermo", s.d.Node.Keys)
	if err != nil {
		return err
	}
	if !pki.VerifyText(rec.Key, rec.Text, rec.Signature) {
		return fmt.Errorf("the receipt does not verify")
	}
	s.mark("ricevuta", "firmata dal nodo, verificata")
	return nil
}

func (s *story) take(ctx context.Context) error {
	list, _, err := s.d.Node.Reports.Queue(ctx, s.who("Palermo"), report.Filter{})
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].ID != s.report.ID {
		return fmt.Errorf("the report does not stand first in the queue of Palermo")
	}
	if _, err := s.d.Node.Reports.Acknowledge(ctx, s.who("Palermo"), s.report.ID); err != nil {
		return err
	}
	s.mark("presa_in_carico", s.who("Palermo").Name)
	return nil
}

// warn sends the alert of Palermo to its territory, and the national centre's
// to everybody else.
func (s *story) warn(ctx context.Context) error {
	publish := func(key string) (alert.Alert, error) {
		v := s.who(key)
		a, values, err := s.d.Node.Flow.Propose(ctx, v, s.report.ID)
		if err != nil {
			return a, err
		}
		a.Title, a.What = "Accessi via SSH con password indovinata", "Un indirizzo prova password su SSH e in un caso è entrato."
		a.Advice = []string{"Cercate l'indirizzo nei registri di accesso.", "Bloccatelo sul firewall.", "Rispondete qui con uno dei tre pulsanti."}
		a.Priority = access.Urgent
		if key == "Nazionale" {
			a.Audience.Provinces = []string{"GE"}
		}
		return s.d.Node.Flow.Publish(ctx, v, a, values)
	}
	var err error
	if s.alert, err = publish("Palermo"); err != nil {
		return err
	}
	s.mark("allerta", "Palermo avvisa il suo territorio: "+s.alert.Code)
	if s.wide, err = publish("Nazionale"); err != nil {
		return err
	}
	s.mark("allerta_nazionale", "il centro nazionale avvisa Genova: "+s.wide.Code)
	return nil
}

func (s *story) protected(ctx context.Context) error {
	for name, a := range map[string]alert.Alert{"Caltanissetta": s.alert, "Genova": s.wide} {
		err := s.until(ctx, "the indicator at the agent of "+name, func() (bool, error) {
			t, err := s.d.Node.Alerts.Tally(ctx, s.who("Nazionale"), a.ID)
			return t.Agents > 0 && t.Applied == t.Agents, err
		})
		if err != nil {
			return err
		}
		s.mark("indicatore", "sul disco dell'agente di "+name)
	}
	return nil
}

func (s *story) answers(ctx context.Context) error {
	for _, x := range []struct {
		name string
		a    alert.Alert
		pre  alert.PreAnswer
		ans  alert.Answer
	}{
		{"Caltanissetta", s.alert, alert.PreSeen, alert.Incident},
		{"Genova", s.wide, alert.PreClean, alert.NoTrace},
	} {
		v := s.who(x.name)
		err := s.until(ctx, "the look-back of "+x.name, func() (bool, error) {
			r, err := s.d.Node.Alerts.Recipient(ctx, v, x.a.ID, v.Body)
			return r.Pre == x.pre, err
		})
		if err != nil {
			return err
		}
		s.mark("verifica_a_ritroso", x.name+": "+strings.ReplaceAll(string(x.pre), "_", " "))
		r, err := s.d.Node.Flow.Answer(ctx, v, x.a.ID, v.Body, x.ans, "")
		if err != nil {
			return err
		}
		if x.ans == alert.Incident && r.Report == "" {
			return fmt.Errorf("«incident found» opened no report")
		}
		s.mark("riscontro", x.name+": "+strings.ReplaceAll(string(x.ans), "_", " "))
	}
	return nil
}

// hunt asks the territory of Palermo about the attacking address: its agents
// answer from their own memory.
func (s *story) hunt(ctx context.Context) error {
	_, values, err := s.d.Node.Flow.Propose(ctx, s.who("Palermo"), s.report.ID)
	if err != nil {
		return err
	}
	h, err := s.d.Node.Flow.Ask(ctx, s.who("Palermo"), hunt.Hunt{Title: "Chi altri ha visto questo indirizzo?"}, values, alert.Audience{})
	if err != nil {
		return err
	}
	s.mark("ricerca", "Palermo chiede agli agenti del suo territorio: "+h.Code)
	var t hunt.Tally
	err = s.until(ctx, "the answers to the hunt", func() (bool, error) {
		t, err = s.d.Node.Hunts.Tally(ctx, s.who("Palermo"), h.ID)
		return t.Answered >= 2, err
	})
	if err == nil {
		s.mark("ricerca_risposte", fmt.Sprintf("%d agenti hanno risposto, %d hanno visto l'indirizzo", t.Answered, t.Seen))
	}
	return err
}
