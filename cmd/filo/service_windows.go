package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

const (
	stopWait   = 30 * time.Second
	serviceLog = "agent.log"
	maxLogSize = 8 << 20
)

func explainService(err error) error {
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return errors.New("access denied: open the prompt with «Run as administrator»")
	case errors.Is(err, windows.ERROR_SERVICE_EXISTS):
		return fmt.Errorf("the service %s is there already: filo agent uninstall, then again", serviceName)
	case errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST):
		return fmt.Errorf("there is no service %s", serviceName)
	}
	return err
}

// installService registers and starts a service that runs this very file.
func installService(args []string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	m, err := mgr.Connect()
	if err != nil {
		return explainService(err)
	}
	defer m.Disconnect()
	s, err := m.CreateService(serviceName, exe, mgr.Config{
		DisplayName: "filo agent", Description: "Watches the logs of this machine for the direct line with the Polizia Postale.",
		StartType: mgr.StartAutomatic, DelayedAutoStart: true, ErrorControl: mgr.ErrorNormal,
	}, append([]string{"agent"}, args...)...)
	if err != nil {
		return explainService(err)
	}
	defer s.Close()
	again := []mgr.RecoveryAction{
		{Type: mgr.ServiceRestart, Delay: 5 * time.Second},
		{Type: mgr.ServiceRestart, Delay: 30 * time.Second},
		{Type: mgr.ServiceRestart, Delay: 2 * time.Minute},
	}
	if err := errors.Join(s.SetRecoveryActions(again, 86400), s.SetRecoveryActionsOnNonCrashFailures(true)); err != nil {
		return errors.Join(fmt.Errorf("the service is registered and would not start again after a failure: %w", err), s.Delete())
	}
	if err := s.Start(); err != nil {
		return fmt.Errorf("the service is registered and does not start: %w", err)
	}
	return nil
}

// uninstallService stops and removes the service.
func uninstallService() error {
	m, err := mgr.Connect()
	if err != nil {
		return explainService(err)
	}
	defer m.Disconnect()
	s, err := m.OpenService(serviceName)
	if err != nil {
		return explainService(err)
	}
	defer s.Close()
	if st, err := s.Control(svc.Stop); err == nil {
		for end := time.Now().Add(stopWait); st.State != svc.Stopped && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			if st, err = s.Query(); err != nil {
				return err
			}
		}
	}
	return explainService(s.Delete())
}

// underService reports whether the service manager started this process. Then
// nobody sees what it says, so that goes into a file in the agent's folder.
func underService(state string) (bool, error) {
	ok, err := svc.IsWindowsService()
	if err != nil || !ok {
		return false, err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return true, err
	}
	path := filepath.Join(state, serviceLog)
	if st, err := os.Stat(path); err == nil && st.Size() > maxLogSize {
		if err := os.Rename(path, path+".1"); err != nil {
			return true, err
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		os.Stdout, os.Stderr = f, f
	}
	return true, err
}

// service speaks with the service manager while the agent runs.
type service struct {
	ctx context.Context
	run func(context.Context) error
	err error
}

// runService runs the agent until the service manager stops it.
func runService(ctx context.Context, run func(context.Context) error) error {
	s := &service{ctx: ctx, run: run}
	return errors.Join(svc.Run(serviceName, s), s.err)
}

// Execute is called by the service manager's thread. A failure is told as an
// exit code, so that the service is started again.
func (s *service) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	const accepts = svc.AcceptStop | svc.AcceptShutdown
	status <- svc.Status{State: svc.Running, Accepts: accepts}
	for {
		select {
		case s.err = <-done:
			if s.err != nil && !errors.Is(s.err, context.Canceled) {
				fmt.Fprintln(os.Stderr, "filo: "+s.err.Error())
				return true, 1
			}
			return false, 0
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				status <- svc.Status{State: svc.StopPending, WaitHint: uint32(stopWait / time.Millisecond)}
				stop()
			}
		}
	}
}
