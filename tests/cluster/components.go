// The cluster's processes and their flags, in the order in which they start. What each is told in a file is in config/.
package main

import (
	"context"
	"fmt"
	"net"
)

type component struct {
	name    string
	command []string
	// What must answer before it is worth starting; nil for nothing.
	needs func(context.Context) error
}

func components(c *cluster, self string) []component {
	flags := func(flags ...string) []string { return append([]string{self}, flags...) }
	kubeconfig := "--kubeconfig=" + c.path("kubeconfig")
	return []component{
		{"etcd", flags("etcd", "--data-dir="+c.path("etcd"), "--log-level=warn",
			"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
			"--listen-peer-urls=http://127.0.0.1:2380", "--unsafe-no-fsync"), nil},
		{"containerd", []string{"containerd", "--config", c.path("containerd.toml")}, nil},
		{"apiserver", flags("apiserver", "--etcd-servers=http://127.0.0.1:2379",
			fmt.Sprint("--secure-port=", apiPort), "--bind-address="+c.nodeIP(), "--advertise-address="+c.nodeIP(),
			"--service-cluster-ip-range="+c.serviceRange(), "--authorization-mode=Node,RBAC", "--allow-privileged=true",
			"--tls-cert-file="+c.path("apiserver.crt"), "--tls-private-key-file="+c.path("apiserver.key"),
			"--client-ca-file="+c.path("ca.crt"),
			"--service-account-issuer=https://kubernetes.default.svc."+clusterDomain,
			"--service-account-key-file="+c.path("service-account.key"),
			"--service-account-signing-key-file="+c.path("service-account.key"),
			"--kubelet-client-certificate="+c.path("apiserver.crt"), "--kubelet-client-key="+c.path("apiserver.key"),
			"--kubelet-certificate-authority="+c.path("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
			"--enable-aggregator-routing=true",
			"--requestheader-client-ca-file="+c.path("ca.crt"), "--requestheader-allowed-names=front-proxy",
			"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file="+c.path("front-proxy.crt"), "--proxy-client-key-file="+c.path("front-proxy.key"),
			"--audit-policy-file="+c.path("audit.yaml"), "--audit-log-path="+c.path("logs", "audit.log"),
			"--audit-log-mode=blocking"), nil},
		{"controller-manager", flags("controller-manager", "--kubeconfig="+c.path("controller-manager.kubeconfig"),
			"--leader-elect=false", "--use-service-account-credentials", "--root-ca-file="+c.path("ca.crt"),
			"--service-account-private-key-file="+c.path("service-account.key"),
			"--horizontal-pod-autoscaler-sync-period=5s"), c.ready},
		{"scheduler", flags("scheduler", "--kubeconfig="+c.path("scheduler.kubeconfig"), "--leader-elect=false"), c.ready},
		{"kubelet", flags("kubelet", "--config="+c.path("kubelet.yaml"), "--kubeconfig="+c.path("kubelet.kubeconfig"),
			"--hostname-override="+nodeName, "--node-ip="+c.nodeIP(), "--root-dir="+c.path("kubelet"),
			"--cert-dir="+c.path("kubelet", "pki")), c.nodeCanStart},
		{"proxy", flags("proxy", "--config="+c.path("proxy.yaml")), c.ready},
		{"coredns", flags("coredns", "-conf", c.path("Corefile")), c.ready},
		{"metrics-server", flags("metrics-server", kubeconfig, "--authentication-kubeconfig="+c.path("kubeconfig"),
			"--authorization-kubeconfig="+c.path("kubeconfig"), "--secure-port=4443", "--cert-dir="+c.path("metrics-server"),
			"--kubelet-certificate-authority="+c.path("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
			"--metric-resolution=10s", "--kubelet-request-timeout=5s"), c.ready},
		{"storage", flags("storage", kubeconfig, "--folder="+c.path("volumes")), c.ready},
	}
}

func (c *cluster) nodeCanStart(ctx context.Context) error {
	if err := c.runtimeAnswers(ctx); err != nil {
		return err
	}
	return c.ready(ctx)
}

func (c *cluster) runtimeAnswers(ctx context.Context) error {
	connection, err := new(net.Dialer).DialContext(ctx, "unix", c.runtimeSocket())
	if err != nil {
		return err
	}
	return connection.Close()
}
