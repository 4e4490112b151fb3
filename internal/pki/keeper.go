package pki

import (
	"crypto/tls"
	"sync"
	"time"
)

// keeper holds a certificate and makes a new one a third of its life before it ends.
type keeper struct {
	make func() (tls.Certificate, error)
	now  func() time.Time
	mu   sync.Mutex
	cert *tls.Certificate
	born time.Time
}

func newKeeper(f func() (tls.Certificate, error), now func() time.Time) *keeper {
	return &keeper{make: f, now: now}
}

func (k *keeper) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cert != nil && k.now().Sub(k.born) < serverLife*2/3 {
		return k.cert, nil
	}
	c, err := k.make()
	if err != nil {
		if k.cert != nil {
			return k.cert, nil
		}
		return nil, err
	}
	k.cert, k.born = &c, k.now()
	return k.cert, nil
}
