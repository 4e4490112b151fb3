package edge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"filo/internal/edge/link"
)

// talk speaks with the node: sends what waits, fetches what is new, and waits
// for either, backing off with chance while the line is down.
func (a *Agent) talk(ctx context.Context) {
	woken := make(chan struct{}, 1)
	go a.stream(ctx, woken)
	wait := time.Second
	for ctx.Err() == nil {
		err := errors.Join(a.sendAll(ctx), a.fetchAll(ctx), a.client.Renew(ctx, a.c.Clock.Now()))
		if err != nil && ctx.Err() == nil {
			a.c.Log.Warn("no line to the node", "err", err, "waiting", a.spool.Len())
			a.pause(ctx, wait+rand.N(wait))
			wait = min(wait*2, 5*time.Minute)
			continue
		}
		wait = time.Second
		select {
		case <-ctx.Done():
		case <-a.wakeUp:
		case <-woken:
		case <-time.After(time.Minute): // in case a wake-up was lost
		}
	}
}

func (a *Agent) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (a *Agent) stream(ctx context.Context, woken chan<- struct{}) {
	wait := time.Second
	for ctx.Err() == nil {
		begun := time.Now()
		_ = a.client.Watch(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
		if time.Since(begun) > time.Minute {
			wait = time.Second
		}
		a.pause(ctx, wait+rand.N(wait))
		wait = min(wait*2, 2*time.Minute)
	}
}

func (a *Agent) poke() {
	select {
	case a.wakeUp <- struct{}{}:
	default:
	}
}

func (a *Agent) sendAll(ctx context.Context) error {
	size := 500
	for {
		events, err := a.spool.Pending(size)
		if err != nil || len(events) == 0 {
			return err
		}
		ack, err := a.client.Send(ctx, events, a.c.Clock.Now())
		if errors.Is(err, link.ErrTooLarge) && size > 1 {
			size = max(size/4, 1)
			continue
		}
		if err != nil {
			return err
		}
		a.offset.Store(int64(a.c.Clock.Now().Sub(ack.Now)))
		if ack.Through < events[0].Seq {
			return fmt.Errorf("the node has events up to %d and did not take %d", ack.Through, events[0].Seq)
		}
		if err := a.spool.Ack(ack.Through); err != nil {
			return err
		}
	}
}

func (a *Agent) fetchAll(ctx context.Context) error {
	for {
		page, err := a.client.Changes(ctx, a.cursor())
		if err != nil || len(page.Changes) == 0 {
			return err
		}
		select {
		case a.changes <- page:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !page.More {
			return nil
		}
	}
}
