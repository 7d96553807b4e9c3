package units

import (
	"slices"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func cronJob(t *testing.T) *batch.CronJob {
	t.Helper()
	job := new(batch.CronJob)
	if err := yaml.UnmarshalStrict([]byte(unit(t, "kubernetes/cronjob.yaml")), job); err != nil {
		t.Fatalf("the API server would refuse it: %v", err)
	}
	return job
}

// TestCronJob holds the file against the API's types, with no field unknown and none twice, and then against what the issue of a job demands.
func TestCronJob(t *testing.T) {
	job := cronJob(t)
	if job.APIVersion != batch.SchemeGroupVersion.String() || job.Kind != "CronJob" {
		t.Errorf("it is a %s of %s", job.Kind, job.APIVersion)
	}
	// A pod's name is the job's with two suffixes, so the API server takes 52 bytes at most.
	if problems := validation.IsDNS1123Label(job.Name); len(problems) > 0 || len(job.Name) > 52 {
		t.Errorf("its name %q: %q", job.Name, problems)
	}
	checkSchedule(t, job.Spec.Schedule)
	if strings.Contains(job.Spec.Schedule, "TZ") || job.Spec.TimeZone == nil || *job.Spec.TimeZone != "Etc/UTC" {
		t.Error("the time zone is that of the controller: a change of the hour would let runs out")
	}
	if job.Spec.ConcurrencyPolicy != batch.ForbidConcurrent {
		t.Errorf("concurrencyPolicy is %s", job.Spec.ConcurrencyPolicy)
	}
	if d := job.Spec.StartingDeadlineSeconds; d == nil || *d < 10 {
		t.Error("without startingDeadlineSeconds, or with less than the controller's ten seconds, a job is given up for good, or never begins")
	}
	spec := job.Spec.JobTemplate.Spec
	if spec.BackoffLimit == nil || *spec.BackoffLimit != 0 {
		t.Error("backoffLimit is not 0")
	}
	pod := spec.Template.Spec
	budget := maxTime(t, pod.Containers[0].Command)
	if d := spec.ActiveDeadlineSeconds; d == nil || float64(*d) <= budget.Seconds() || *d >= 30*60 {
		t.Errorf("activeDeadlineSeconds %v must lie between --max-time %v and the next run", d, budget)
	}
	if g := pod.TerminationGracePeriodSeconds; g == nil || *g < 30 {
		t.Error("the batch that runs at the deadline gets too little time to end")
	}
	checkFailurePolicy(t, &spec)
}

// checkFailurePolicy has the rules of the API server's validation, which the types alone do not hold, and the codes.
func checkFailurePolicy(t *testing.T, spec *batch.JobSpec) {
	pod := spec.Template.Spec
	if pod.RestartPolicy != core.RestartPolicyNever {
		t.Errorf("restartPolicy is %s, and a podFailurePolicy goes with Never alone", pod.RestartPolicy)
	}
	if spec.PodFailurePolicy == nil || len(spec.PodFailurePolicy.Rules) == 0 || len(spec.PodFailurePolicy.Rules) > 20 {
		t.Fatal("there must be between 1 and 20 rules in podFailurePolicy")
	}
	var ignored []int32
	drained := false
	for i, rule := range spec.PodFailurePolicy.Rules {
		if rule.Action != batch.PodFailurePolicyActionIgnore {
			t.Errorf("rule %d: action %q", i, rule.Action)
		}
		if (rule.OnExitCodes == nil) == (len(rule.OnPodConditions) == 0) {
			t.Errorf("rule %d: there must be one of onExitCodes and onPodConditions", i)
		}
		for _, c := range rule.OnPodConditions {
			if c.Status != core.ConditionTrue {
				t.Errorf("rule %d: status %q", i, c.Status)
			}
			drained = drained || c.Type == core.DisruptionTarget
		}
		on := rule.OnExitCodes
		if on == nil {
			continue
		}
		if on.ContainerName == nil || *on.ContainerName != pod.Containers[0].Name {
			t.Errorf("rule %d is for a container that is not there", i)
		}
		if on.Operator != batch.PodFailurePolicyOnExitCodesOpIn || len(on.Values) == 0 || slices.Contains(on.Values, 0) ||
			!slices.IsSorted(on.Values) || len(slices.Compact(slices.Clone(on.Values))) != len(on.Values) {
			t.Errorf("rule %d: %s %v: it must be In, and the codes in order, each once, without 0", i, on.Operator, on.Values)
		}
		ignored = append(ignored, on.Values...)
	}
	if !slices.Equal(ignored, []int32{11, 12}) || !drained {
		t.Errorf("ignored are the codes %v, and a node that is drained: %t; want 11 and 12, true", ignored, drained)
	}
}

// TestCronJobPod: it may run where pods are held to the restricted standard, in this and in every later version of it, with bounds, and with its secret
// as a file.
func TestCronJobPod(t *testing.T) {
	job := cronJob(t)
	template := job.Spec.JobTemplate.Spec.Template
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec) {
		if !result.Allowed {
			t.Errorf("not restricted: %s: %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	pod := template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("%d containers", len(pod.Containers))
	}
	c := pod.Containers[0]
	if c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
		t.Error("its root file system can be written")
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Error("it gets a token of the cluster that it does not need")
	}
	if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() {
		t.Errorf("its resources are not bounded: %+v", c.Resources)
	}
	if c.Resources.Limits.Memory().Cmp(*c.Resources.Requests.Memory()) < 0 {
		t.Error("it asks for more memory than its limit")
	}
	checkSecret(t, &pod)
	if len(c.Args) > 0 || slices.Contains(cleanupArgs(t, c.Command), "--store") {
		t.Error("the URL, which may have a password, must not stand in the command line")
	}
}

// checkSecret follows the variable to the mount, to the volume, to the mode in which the container's user may read it and others may not.
func checkSecret(t *testing.T, pod *core.PodSpec) {
	c := pod.Containers[0]
	if len(c.Env) != 1 || c.Env[0].Name != "LARDER_STORE_FILE" || len(c.VolumeMounts) != 1 || len(pod.Volumes) != 1 {
		t.Fatalf("not one variable, one mount and one volume: %v, %v, %v", c.Env, c.VolumeMounts, pod.Volumes)
	}
	mount, volume := c.VolumeMounts[0], pod.Volumes[0]
	if c.Env[0].Value != mount.MountPath+"/url" || mount.Name != volume.Name || !mount.ReadOnly {
		t.Errorf("%s is not the key url of %+v", c.Env[0].Value, mount)
	}
	secret := volume.Secret
	if secret == nil || secret.DefaultMode == nil || *secret.DefaultMode != 0o440 || pod.SecurityContext.FSGroup == nil {
		t.Errorf("the secret is not readable by its group alone: %+v", secret)
	}
	if !strings.Contains(unit(t, "kubernetes/cronjob.yaml"), "create secret generic "+secret.SecretName+" --from-file=url=") {
		t.Errorf("the file does not say how the secret %s with the key url is made", secret.SecretName)
	}
}
